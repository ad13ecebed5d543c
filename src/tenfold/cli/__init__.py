"""The command `tenfold`: options in, text or JSON out; each verb imports what it needs when run."""
