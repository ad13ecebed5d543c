"""`python -m tenfold` and the command `tenfold`: both start here."""

import sys
from typing import NoReturn

from tenfold.cli.interrupts import note_interrupts, was_interrupted


def main() -> NoReturn:
    """Run the command; Ctrl-C ends it without a traceback even before it has begun."""
    note_interrupts()
    try:
        from tenfold.cli.main import main as run

        run()
    except SystemExit:
        raise
    except BaseException as error:
        if not was_interrupted(error):
            raise
        sys.stderr.write("\ntenfold: interrupted\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
