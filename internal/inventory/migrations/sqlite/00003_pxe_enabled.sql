-- +goose Up
-- A boot request asks for pxe_enabled, too, and still reads no port's row.
DROP INDEX boot_request_idx;
CREATE INDEX boot_request_idx ON ports (address, node_id, pxe_enabled);
