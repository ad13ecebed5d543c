"""Every error that tenfold raises on purpose."""


class TenfoldError(Exception):
    """Something tenfold cannot do; the message says what was wrong and what to do."""


class UsageError(TenfoldError):
    """A wrong option or argument; the shell ends with exit code 2."""


class DataError(TenfoldError):
    """MNIST cannot be had, or a file is not what it claims to be."""


class PictureError(TenfoldError):
    """A picture that cannot be read."""


class PictureTooLargeError(PictureError):
    """A picture of more pixels or bytes than are taken."""


class TrainingError(TenfoldError):
    """A training that cannot start, go on or be resumed."""


class BundleError(TenfoldError):
    """A bundle that is missing, incomplete or altered."""


class ExportError(TenfoldError):
    """An export that cannot be made, or that does not agree with its original."""


class MissingExtraError(TenfoldError):
    """A package is needed that the present install lacks."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more packages: pip install 'tenfold[{extra}]'")
