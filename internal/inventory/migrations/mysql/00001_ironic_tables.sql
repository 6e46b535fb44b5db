-- +goose Up
-- Ironic's tables, cut to what Usher needs, with its names and types. Ironic
-- uses utf8mb3 with a case-insensitive collation. Here it is all of Unicode
-- (the largest unique key, 2,108 bytes, is within InnoDB's 3,072), compared by
-- bytes, so that the three engines give the same answers.

CREATE TABLE conductors (
    created_at DATETIME(6) NULL,
    updated_at DATETIME(6) NULL,
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    hostname VARCHAR(255) NOT NULL,
    online TINYINT(1) NULL,
    conductor_group VARCHAR(255) NOT NULL DEFAULT '',
    CONSTRAINT uniq_conductors0hostname UNIQUE (hostname)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE conductor_hardware_interfaces (
    created_at DATETIME(6) NULL,
    updated_at DATETIME(6) NULL,
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    conductor_id INT NOT NULL,
    hardware_type VARCHAR(255) NOT NULL,
    interface_type VARCHAR(16) NOT NULL,
    interface_name VARCHAR(255) NOT NULL,
    `default` TINYINT(1) NOT NULL DEFAULT 0,
    CONSTRAINT uniq_conductorhardwareinterfaces0 UNIQUE (conductor_id, hardware_type, interface_type, interface_name),
    CONSTRAINT conductor_hardware_interfaces_conductor_fk FOREIGN KEY (conductor_id) REFERENCES conductors (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE nodes (
    created_at DATETIME(6) NULL,
    updated_at DATETIME(6) NULL,
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    uuid VARCHAR(36) NOT NULL,
    instance_uuid VARCHAR(36) NULL,
    name VARCHAR(255) NULL,
    power_state VARCHAR(15) NULL,
    target_power_state VARCHAR(15) NULL,
    provision_state VARCHAR(15) NULL,
    target_provision_state VARCHAR(15) NULL,
    provision_updated_at DATETIME(6) NULL,
    last_error TEXT NULL,
    instance_info LONGTEXT NULL,
    properties TEXT NULL,
    driver VARCHAR(255) NULL,
    driver_info TEXT NULL,
    driver_internal_info TEXT NULL,
    resource_class VARCHAR(80) NULL,
    reservation VARCHAR(255) NULL,
    conductor_affinity INT NULL,
    conductor_group VARCHAR(255) NOT NULL DEFAULT '',
    maintenance TINYINT(1) NULL,
    maintenance_reason TEXT NULL,
    extra TEXT NULL,
    owner VARCHAR(255) NULL,
    lessee VARCHAR(255) NULL,
    description TEXT NULL,
    boot_interface VARCHAR(255) NULL,
    deploy_interface VARCHAR(255) NULL,
    CONSTRAINT uniq_nodes0uuid UNIQUE (uuid),
    CONSTRAINT uniq_nodes0instance_uuid UNIQUE (instance_uuid),
    CONSTRAINT uniq_nodes0name UNIQUE (name),
    CONSTRAINT nodes_conductor_affinity_fk FOREIGN KEY (conductor_affinity) REFERENCES conductors (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE INDEX owner_idx ON nodes (owner);
CREATE INDEX lessee_idx ON nodes (lessee);
CREATE INDEX driver_idx ON nodes (driver);
CREATE INDEX provision_state_idx ON nodes (provision_state);
CREATE INDEX reservation_idx ON nodes (reservation);
CREATE INDEX conductor_group_idx ON nodes (conductor_group);
CREATE INDEX resource_class_idx ON nodes (resource_class);

CREATE TABLE ports (
    created_at DATETIME(6) NULL,
    updated_at DATETIME(6) NULL,
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    uuid VARCHAR(36) NOT NULL,
    address VARCHAR(18) NOT NULL,
    node_id INT NULL,
    extra TEXT NULL,
    local_link_connection TEXT NULL,
    pxe_enabled TINYINT(1) NULL,
    physical_network VARCHAR(64) NULL,
    is_smartnic TINYINT(1) NULL,
    name VARCHAR(255) NULL,
    CONSTRAINT uniq_ports0address UNIQUE (address),
    CONSTRAINT uniq_ports0uuid UNIQUE (uuid),
    CONSTRAINT uniq_ports0name UNIQUE (name),
    CONSTRAINT ports_node_fk FOREIGN KEY (node_id) REFERENCES nodes (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The ports of a node; Ironic has this index on MariaDB, for its foreign key.
CREATE INDEX ports_node_id_idx ON ports (node_id);
