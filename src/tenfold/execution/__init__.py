"""Where work runs: processes of this machine, Ray, progress bars."""
