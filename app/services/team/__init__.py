"""The people who use Carillon: members and their roles, keys, projects and their settings, the audit trail."""
