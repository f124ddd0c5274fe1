"""Result rows to CSV, tables and pages."""
