"""Recognise programs for Python 2, and say how to convert them."""

from __future__ import annotations

import importlib.util
import re

# Messages of Python 3 about what Python 2 allows.
_MESSAGES = (
    "Missing parentheses in call to 'print'",
    "Missing parentheses in call to 'exec'",
    "multiple exception types must be parenthesized",
    "leading zeros in decimal integer literals",
    "parameters cannot be parenthesized",
    "inconsistent use of tabs",
)
# Lines that Python 3 calls invalid without saying more.
_LINES = re.compile(
    r"""<> | ` | \b(?:ur|UR|uR|Ur)["'] | \b(?:0[xX][0-9a-fA-F]+|\d+)[lL]\b
    | ^\s*raise\s+[\w.]+\s*, | ^\s*exec\s+\w+ | ^\s*print\s+[^\s(=] | ^\s*except\s+[\w.]+\s*,""",
    re.VERBOSE,
)
_NAMES = {
    *("xrange", "raw_input", "unicode", "basestring", "long", "unichr", "reduce", "file"),
    *("execfile", "cmp", "apply", "reload", "intern", "buffer", "coerce"),
}
_MODULES = {
    *("cPickle", "cStringIO", "StringIO", "urllib2", "urlparse", "Queue", "ConfigParser"),
    *("HTMLParser", "Tkinter", "__builtin__", "commands", "copy_reg", "httplib", "cookielib"),
    *("SocketServer", "thread"),
}
# What Python 2 gave as lists.
_LAZY = re.compile(
    r"""'(map|filter|zip|dict_keys|dict_values|dict_items)'\ object\ (?:is\ not\ subscriptable
    |does\ not\ support\ item)|object\ of\ type\ '(map|filter|zip)'\ has\ no\ len""",
    re.VERBOSE,
)
_METHODS = {"iteritems", "itervalues", "iterkeys", "has_key"}
_OF_MODULES = {
    "itertools": {"izip", "imap", "ifilter", "izip_longest"},
    "string": {"letters", "lowercase", "uppercase", "maketrans", "join"},
    "urllib": {"urlopen", "urlretrieve", "urlencode", "quote", "unquote"},
    "os": {"getcwdu"},
    "sys": {"maxint", "setdefaultencoding"},
}


def remark(error: BaseException, script: str) -> str | None:
    """Return the sentence for an error that comes of Python 2, None for any other error."""
    if isinstance(error, SyntaxError):
        if not _is_syntax_of_2(error):
            return None
        return f"This is Python 2's syntax. {_conversion(error.filename or script)}"
    name = _name_of_2(error)
    return None if name is None else f"{name} is Python 2's. {_conversion(_file_of(error, script))}"


def _is_syntax_of_2(error: SyntaxError) -> bool:
    message = error.msg or ""
    return any(part in message for part in _MESSAGES) or bool(_LINES.search(error.text or ""))


def _name_of_2(error: BaseException) -> str | None:
    if isinstance(error, NameError) and error.name in _NAMES:
        return error.name
    if isinstance(error, ModuleNotFoundError) and error.name in _MODULES:
        return f"the module {error.name}"
    if isinstance(error, AttributeError):
        if error.name in _METHODS and isinstance(error.obj, dict):
            return f"dict.{error.name}"
        module = getattr(error.obj, "__name__", None)
        if error.name in _OF_MODULES.get(str(module), ()):
            return f"{module}.{error.name}"
    if isinstance(error, TypeError):
        if str(error).startswith("unsupported operand type(s) for >>: 'builtin_function_or_m"):
            return "print >> file"
        lazy = _LAZY.search(str(error))
        return None if lazy is None else f"a list in the place of {lazy[1] or lazy[2]}"
    if isinstance(error, ImportError) and error.name in _OF_MODULES:
        named = re.search(r"cannot import name '(\w+)'", str(error))
        if named and named[1] in _OF_MODULES[error.name]:
            return f"{error.name}.{named[1]}"
    return None


def _file_of(error: BaseException, script: str) -> str:
    """The file whose line raised the error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = script if trace is None else trace.tb_frame.f_code.co_filename
    return script if name.startswith("<") else name


def _conversion(path: str) -> str:
    advice = "Convert it (the old one stays as .bak) with:"
    if importlib.util.find_spec("lib2to3") is not None:  # in Python up to 3.12
        return f"{advice} python -m lib2to3 -w {path}"
    return f"{advice} python -m pip install fissix && python -m fissix -w {path}"
