"""What Dasan is measured by, beside the library's own recorder and bare PostgreSQL."""
