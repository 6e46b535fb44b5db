/*M!999999\- enable the sandbox mode */ 
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `alembic_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `alembic_version` (`version_num`) VALUES ('4dbec778866e');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `allocations` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) NOT NULL,
  `name` varchar(255) DEFAULT NULL,
  `node_id` int(11) DEFAULT NULL,
  `state` varchar(15) NOT NULL,
  `owner` varchar(255) DEFAULT NULL,
  `last_error` text DEFAULT NULL,
  `resource_class` varchar(80) DEFAULT NULL,
  `traits` text DEFAULT NULL,
  `candidate_nodes` text DEFAULT NULL,
  `extra` text DEFAULT NULL,
  `conductor_affinity` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_allocations0uuid` (`uuid`),
  UNIQUE KEY `uniq_allocations0name` (`name`),
  KEY `conductor_affinity` (`conductor_affinity`),
  KEY `node_id` (`node_id`),
  CONSTRAINT `allocations_ibfk_1` FOREIGN KEY (`conductor_affinity`) REFERENCES `conductors` (`id`),
  CONSTRAINT `allocations_ibfk_2` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `bios_settings` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `node_id` int(11) NOT NULL,
  `name` varchar(255) NOT NULL,
  `value` text DEFAULT NULL,
  `attribute_type` varchar(255) DEFAULT NULL,
  `allowable_values` text DEFAULT NULL,
  `lower_bound` int(11) DEFAULT NULL,
  `max_length` int(11) DEFAULT NULL,
  `min_length` int(11) DEFAULT NULL,
  `read_only` tinyint(1) DEFAULT NULL,
  `reset_required` tinyint(1) DEFAULT NULL,
  `unique` tinyint(1) DEFAULT NULL,
  `upper_bound` int(11) DEFAULT NULL,
  PRIMARY KEY (`node_id`,`name`),
  CONSTRAINT `bios_settings_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `chassis` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) DEFAULT NULL,
  `extra` text DEFAULT NULL,
  `description` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_chassis0uuid` (`uuid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `conductor_hardware_interfaces` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `conductor_id` int(11) NOT NULL,
  `hardware_type` varchar(255) NOT NULL,
  `interface_type` varchar(16) NOT NULL,
  `interface_name` varchar(255) NOT NULL,
  `default` tinyint(1) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_conductorhardwareinterfaces0` (`conductor_id`,`hardware_type`,`interface_type`,`interface_name`),
  CONSTRAINT `conductor_hardware_interfaces_ibfk_1` FOREIGN KEY (`conductor_id`) REFERENCES `conductors` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `conductor_hardware_interfaces` (`created_at`, `updated_at`, `version`, `id`, `conductor_id`, `hardware_type`, `interface_type`, `interface_name`, `default`) VALUES ('2026-11-22 19:18:05',NULL,NULL,1,1,'manual-management','boot','ipxe',1);
INSERT INTO `conductor_hardware_interfaces` (`created_at`, `updated_at`, `version`, `id`, `conductor_id`, `hardware_type`, `interface_type`, `interface_name`, `default`) VALUES ('2026-11-22 19:18:05',NULL,NULL,2,1,'manual-management','boot','pxe',0);
INSERT INTO `conductor_hardware_interfaces` (`created_at`, `updated_at`, `version`, `id`, `conductor_id`, `hardware_type`, `interface_type`, `interface_name`, `default`) VALUES ('2026-11-22 19:18:05',NULL,NULL,3,2,'manual-management','boot','ipxe',1);
INSERT INTO `conductor_hardware_interfaces` (`created_at`, `updated_at`, `version`, `id`, `conductor_id`, `hardware_type`, `interface_type`, `interface_name`, `default`) VALUES ('2026-11-22 19:18:05',NULL,NULL,4,2,'manual-management','boot','pxe',0);
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `conductors` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `hostname` varchar(255) NOT NULL,
  `drivers` text DEFAULT NULL,
  `online` tinyint(1) DEFAULT NULL,
  `conductor_group` varchar(255) NOT NULL DEFAULT '',
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_conductors0hostname` (`hostname`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `conductors` (`created_at`, `updated_at`, `version`, `id`, `hostname`, `drivers`, `online`, `conductor_group`) VALUES ('2026-11-22 19:18:05','2026-11-22 19:18:05','1.3',1,'127.0.0.11','[\"manual-management\"]',1,'');
INSERT INTO `conductors` (`created_at`, `updated_at`, `version`, `id`, `hostname`, `drivers`, `online`, `conductor_group`) VALUES ('2026-11-22 19:18:05','2026-11-22 19:18:05','1.3',2,'127.0.0.12','[\"manual-management\"]',0,'rack1');
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `deploy_template_steps` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `deploy_template_id` int(11) NOT NULL,
  `interface` varchar(255) NOT NULL,
  `step` varchar(255) NOT NULL,
  `args` text NOT NULL,
  `priority` int(11) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `deploy_template_id` (`deploy_template_id`),
  KEY `deploy_template_steps_step_idx` (`step`),
  KEY `deploy_template_steps_interface_idx` (`interface`),
  CONSTRAINT `deploy_template_steps_ibfk_1` FOREIGN KEY (`deploy_template_id`) REFERENCES `deploy_templates` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `deploy_templates` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) DEFAULT NULL,
  `name` varchar(255) NOT NULL,
  `extra` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_deploytemplates0name` (`name`),
  UNIQUE KEY `uniq_deploytemplates0uuid` (`uuid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `node_history` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) NOT NULL,
  `conductor` varchar(255) DEFAULT NULL,
  `event_type` varchar(255) DEFAULT NULL,
  `severity` varchar(255) DEFAULT NULL,
  `event` text DEFAULT NULL,
  `user` varchar(32) DEFAULT NULL,
  `node_id` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_history0uuid` (`uuid`),
  KEY `history_uuid_idx` (`uuid`),
  KEY `history_conductor_idx` (`conductor`),
  KEY `history_node_id_idx` (`node_id`),
  CONSTRAINT `node_history_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `node_inventory` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `inventory_data` longtext DEFAULT NULL,
  `plugin_data` longtext DEFAULT NULL,
  `node_id` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `inventory_node_id_idx` (`node_id`),
  CONSTRAINT `node_inventory_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `node_tags` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `node_id` int(11) NOT NULL,
  `tag` varchar(255) NOT NULL,
  PRIMARY KEY (`node_id`,`tag`),
  KEY `node_tags_idx` (`tag`),
  CONSTRAINT `node_tags_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `node_traits` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `node_id` int(11) NOT NULL,
  `trait` varchar(255) NOT NULL,
  PRIMARY KEY (`node_id`,`trait`),
  KEY `node_traits_idx` (`trait`),
  CONSTRAINT `node_traits_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `nodes` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) DEFAULT NULL,
  `instance_uuid` varchar(36) DEFAULT NULL,
  `name` varchar(255) DEFAULT NULL,
  `chassis_id` int(11) DEFAULT NULL,
  `power_state` varchar(15) DEFAULT NULL,
  `target_power_state` varchar(15) DEFAULT NULL,
  `provision_state` varchar(15) DEFAULT NULL,
  `target_provision_state` varchar(15) DEFAULT NULL,
  `provision_updated_at` datetime DEFAULT NULL,
  `last_error` text DEFAULT NULL,
  `instance_info` longtext DEFAULT NULL,
  `properties` text DEFAULT NULL,
  `driver` varchar(255) DEFAULT NULL,
  `driver_info` text DEFAULT NULL,
  `driver_internal_info` text DEFAULT NULL,
  `clean_step` text DEFAULT NULL,
  `deploy_step` text DEFAULT NULL,
  `resource_class` varchar(80) DEFAULT NULL,
  `raid_config` text DEFAULT NULL,
  `target_raid_config` text DEFAULT NULL,
  `reservation` varchar(255) DEFAULT NULL,
  `conductor_affinity` int(11) DEFAULT NULL,
  `conductor_group` varchar(255) NOT NULL DEFAULT '',
  `maintenance` tinyint(1) DEFAULT NULL,
  `maintenance_reason` text DEFAULT NULL,
  `fault` varchar(255) DEFAULT NULL,
  `console_enabled` tinyint(1) DEFAULT NULL,
  `inspection_finished_at` datetime DEFAULT NULL,
  `inspection_started_at` datetime DEFAULT NULL,
  `extra` text DEFAULT NULL,
  `automated_clean` tinyint(1) DEFAULT NULL,
  `protected` tinyint(1) NOT NULL DEFAULT 0,
  `protected_reason` text DEFAULT NULL,
  `owner` varchar(255) DEFAULT NULL,
  `lessee` varchar(255) DEFAULT NULL,
  `allocation_id` int(11) DEFAULT NULL,
  `description` text DEFAULT NULL,
  `bios_interface` varchar(255) DEFAULT NULL,
  `boot_interface` varchar(255) DEFAULT NULL,
  `console_interface` varchar(255) DEFAULT NULL,
  `deploy_interface` varchar(255) DEFAULT NULL,
  `inspect_interface` varchar(255) DEFAULT NULL,
  `management_interface` varchar(255) DEFAULT NULL,
  `network_interface` varchar(255) DEFAULT NULL,
  `raid_interface` varchar(255) DEFAULT NULL,
  `rescue_interface` varchar(255) DEFAULT NULL,
  `retired` tinyint(1) DEFAULT 0,
  `retired_reason` text DEFAULT NULL,
  `network_data` text DEFAULT NULL,
  `storage_interface` varchar(255) DEFAULT NULL,
  `power_interface` varchar(255) DEFAULT NULL,
  `vendor_interface` varchar(255) DEFAULT NULL,
  `boot_mode` varchar(16) DEFAULT NULL,
  `secure_boot` tinyint(1) DEFAULT NULL,
  `shard` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_nodes0uuid` (`uuid`),
  UNIQUE KEY `uniq_nodes0instance_uuid` (`instance_uuid`),
  UNIQUE KEY `uniq_nodes0name` (`name`),
  KEY `provision_state_idx` (`provision_state`),
  KEY `lessee_idx` (`lessee`),
  KEY `conductor_group_idx` (`conductor_group`),
  KEY `shard_idx` (`shard`),
  KEY `driver_idx` (`driver`),
  KEY `reservation_idx` (`reservation`),
  KEY `owner_idx` (`owner`),
  KEY `resource_class_idx` (`resource_class`),
  KEY `chassis_id` (`chassis_id`),
  KEY `allocation_id` (`allocation_id`),
  KEY `nodes_conductor_affinity_fk` (`conductor_affinity`),
  CONSTRAINT `nodes_conductor_affinity_fk` FOREIGN KEY (`conductor_affinity`) REFERENCES `conductors` (`id`),
  CONSTRAINT `nodes_ibfk_1` FOREIGN KEY (`chassis_id`) REFERENCES `chassis` (`id`),
  CONSTRAINT `nodes_ibfk_2` FOREIGN KEY (`allocation_id`) REFERENCES `allocations` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `nodes` (`created_at`, `updated_at`, `version`, `id`, `uuid`, `instance_uuid`, `name`, `chassis_id`, `power_state`, `target_power_state`, `provision_state`, `target_provision_state`, `provision_updated_at`, `last_error`, `instance_info`, `properties`, `driver`, `driver_info`, `driver_internal_info`, `clean_step`, `deploy_step`, `resource_class`, `raid_config`, `target_raid_config`, `reservation`, `conductor_affinity`, `conductor_group`, `maintenance`, `maintenance_reason`, `fault`, `console_enabled`, `inspection_finished_at`, `inspection_started_at`, `extra`, `automated_clean`, `protected`, `protected_reason`, `owner`, `lessee`, `allocation_id`, `description`, `bios_interface`, `boot_interface`, `console_interface`, `deploy_interface`, `inspect_interface`, `management_interface`, `network_interface`, `raid_interface`, `rescue_interface`, `retired`, `retired_reason`, `network_data`, `storage_interface`, `power_interface`, `vendor_interface`, `boot_mode`, `secure_boot`, `shard`) VALUES ('2026-11-22 19:18:05',NULL,NULL,1,'8733b875-30ea-5929-9b3b-8c04ada0b065',NULL,'ipxe-1',NULL,NULL,NULL,'wait call-back',NULL,NULL,NULL,'{\"configdrive\": \"secret\"}','{}','manual-management','{\"ipmi_password\": \"secret\"}','{\"agent_secret_token\": \"secret\"}','{}','{}',NULL,'{}','{}',NULL,2,'rack1',0,NULL,NULL,0,NULL,NULL,'{}',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,'ipxe',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO `nodes` (`created_at`, `updated_at`, `version`, `id`, `uuid`, `instance_uuid`, `name`, `chassis_id`, `power_state`, `target_power_state`, `provision_state`, `target_provision_state`, `provision_updated_at`, `last_error`, `instance_info`, `properties`, `driver`, `driver_info`, `driver_internal_info`, `clean_step`, `deploy_step`, `resource_class`, `raid_config`, `target_raid_config`, `reservation`, `conductor_affinity`, `conductor_group`, `maintenance`, `maintenance_reason`, `fault`, `console_enabled`, `inspection_finished_at`, `inspection_started_at`, `extra`, `automated_clean`, `protected`, `protected_reason`, `owner`, `lessee`, `allocation_id`, `description`, `bios_interface`, `boot_interface`, `console_interface`, `deploy_interface`, `inspect_interface`, `management_interface`, `network_interface`, `raid_interface`, `rescue_interface`, `retired`, `retired_reason`, `network_data`, `storage_interface`, `power_interface`, `vendor_interface`, `boot_mode`, `secure_boot`, `shard`) VALUES ('2026-11-22 19:18:05',NULL,NULL,2,'11111111-2222-3333-4444-555555555555',NULL,NULL,NULL,NULL,NULL,'enroll',NULL,NULL,NULL,'{}','{}',NULL,'{}','{}','{}','{}',NULL,'{}','{}',NULL,NULL,'',0,NULL,NULL,0,NULL,NULL,'{}',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL);
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `portgroups` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) DEFAULT NULL,
  `name` varchar(255) DEFAULT NULL,
  `node_id` int(11) DEFAULT NULL,
  `address` varchar(18) DEFAULT NULL,
  `extra` text DEFAULT NULL,
  `internal_info` text DEFAULT NULL,
  `standalone_ports_supported` tinyint(1) DEFAULT NULL,
  `mode` varchar(255) DEFAULT NULL,
  `properties` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_portgroups0uuid` (`uuid`),
  UNIQUE KEY `uniq_portgroups0address` (`address`),
  UNIQUE KEY `uniq_portgroups0name` (`name`),
  KEY `node_id` (`node_id`),
  CONSTRAINT `portgroups_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `ports` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) DEFAULT NULL,
  `address` varchar(18) DEFAULT NULL,
  `node_id` int(11) DEFAULT NULL,
  `extra` text DEFAULT NULL,
  `local_link_connection` text DEFAULT NULL,
  `portgroup_id` int(11) DEFAULT NULL,
  `pxe_enabled` tinyint(1) DEFAULT NULL,
  `internal_info` text DEFAULT NULL,
  `physical_network` varchar(64) DEFAULT NULL,
  `is_smartnic` tinyint(1) DEFAULT NULL,
  `name` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_ports0address` (`address`),
  UNIQUE KEY `uniq_ports0uuid` (`uuid`),
  UNIQUE KEY `uniq_ports0name` (`name`),
  KEY `node_id` (`node_id`),
  KEY `portgroup_id` (`portgroup_id`),
  CONSTRAINT `ports_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`),
  CONSTRAINT `ports_ibfk_2` FOREIGN KEY (`portgroup_id`) REFERENCES `portgroups` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
INSERT INTO `ports` (`created_at`, `updated_at`, `version`, `id`, `uuid`, `address`, `node_id`, `extra`, `local_link_connection`, `portgroup_id`, `pxe_enabled`, `internal_info`, `physical_network`, `is_smartnic`, `name`) VALUES ('2026-11-22 19:18:05',NULL,NULL,1,'aaaaaaaa-2222-3333-4444-555555555555','52:54:00:aa:f0:16',1,'{\"client-id\": \"x\"}','{}',NULL,1,'{}',NULL,0,NULL);
INSERT INTO `ports` (`created_at`, `updated_at`, `version`, `id`, `uuid`, `address`, `node_id`, `extra`, `local_link_connection`, `portgroup_id`, `pxe_enabled`, `internal_info`, `physical_network`, `is_smartnic`, `name`) VALUES ('2026-11-22 19:18:05',NULL,NULL,2,'bbbbbbbb-2222-3333-4444-555555555555','52:54:00:aa:f0:17',2,'{}','{}',NULL,1,'{}',NULL,0,NULL);
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `volume_connectors` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) DEFAULT NULL,
  `node_id` int(11) DEFAULT NULL,
  `type` varchar(32) DEFAULT NULL,
  `connector_id` varchar(255) DEFAULT NULL,
  `extra` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_volumeconnectors0uuid` (`uuid`),
  UNIQUE KEY `uniq_volumeconnectors0type0connector_id` (`type`,`connector_id`),
  KEY `node_id` (`node_id`),
  CONSTRAINT `volume_connectors_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `volume_targets` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `version` varchar(15) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) DEFAULT NULL,
  `node_id` int(11) DEFAULT NULL,
  `volume_type` varchar(64) DEFAULT NULL,
  `properties` text DEFAULT NULL,
  `boot_index` int(11) DEFAULT NULL,
  `volume_id` varchar(36) DEFAULT NULL,
  `extra` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_volumetargets0uuid` (`uuid`),
  UNIQUE KEY `uniq_volumetargets0node_id0boot_index` (`node_id`,`boot_index`),
  CONSTRAINT `volume_targets_ibfk_1` FOREIGN KEY (`node_id`) REFERENCES `nodes` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
