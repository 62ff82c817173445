"""The installation as its operator sees it: health, meters, backups, restores, upgrades."""
