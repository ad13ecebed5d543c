"""Forms: fields at known places on many scans, read into one table."""
