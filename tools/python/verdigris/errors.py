"""What the libraries say when they could not do something: an Error with its number, one class a number."""


class Error(Exception):
    """Could not be done. `code` is the number of the C header, where that has one."""

    code = 40


class InvalidArgument(Error, ValueError):
    """A value out of its range."""

    code = 10


class FailedPrecondition(Error):
    """Something needed is missing, such as a key."""

    code = 11


class Mismatch(Error):
    """Two things that do not belong together."""

    code = 12


class NotSupported(Error):
    """This scheme or mode cannot do that here."""

    code = 13


class Malformed(Error, ValueError):
    """Bytes that are not what they should be."""

    code = 20


class Unsupported(Error):
    """A version or feature that this build does not know."""

    code = 21


class Limit(Error):
    """Larger than a stated limit."""

    code = 22


class Auth(Error):
    """A wrong passphrase, or a damaged secret."""

    code = 23


class Unsafe(Error, PermissionError):
    """A secret file that others can read or replace."""

    code = 24


class NoMemory(Error, MemoryError):
    """No room."""

    code = 30


class Internal(Error):
    """A fault of the library."""

    code = 40


class NotFound(Error, FileNotFoundError):
    """No such file."""

    code = 50


class Io(Error, OSError):
    """A file could not be read; the message has the system's reason."""

    code = 51


# Read by the native module.
CLASSES: dict[int, type[Error]] = {
    kind.code: kind
    for kind in (InvalidArgument, FailedPrecondition, Mismatch, NotSupported, Malformed, Unsupported, Limit, Auth, Unsafe,
                 NoMemory, Internal, NotFound, Io)
}
