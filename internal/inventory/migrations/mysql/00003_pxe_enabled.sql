-- +goose Up
-- Only SQLite has something to do here: see its own.
SELECT 1;
