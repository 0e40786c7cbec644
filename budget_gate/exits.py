"""The exit codes, and the last line of a run that ended before it could tell anything itself."""

import sys

OK = 0
BREACHED = 1
CONFIGURATION_WRONG = 2
UNVERIFIED = 3
BUG = 4


def is_failed_import(error: BaseException) -> bool:
    """Whether an error came out of an import, as of a package that is missing or damaged."""
    from opcode import opmap

    place = error.__traceback__
    while place:
        # A damaged module may raise anything, and the frames of the import itself are left out.
        if place.tb_frame.f_code.co_code[place.tb_lasti] == opmap["IMPORT_NAME"]:
            return True
        place = place.tb_next
    return isinstance(error, ImportError | SyntaxError)


def ended_by(error: BaseException) -> int:
    """Says on stderr, in one line, what ended a run before it could do so; its exit code."""
    code = BUG
    if isinstance(error, KeyboardInterrupt):
        code, line = UNVERIFIED, "SIGINT ended the run: nothing was decided"
    elif is_failed_import(error):
        reason = f"{_culprit(error)} cannot be imported ({type(error).__name__}: {error})"
        line = f"{reason}: install budget-gate and its packages again"
    else:
        line = f"this is a bug, please report it ({type(error).__name__})"
    try:
        sys.stderr.write(f"budget-gate: {' '.join(line.split())}\n")
    except (AttributeError, OSError, ValueError):
        # There is no stderr, or it takes nothing: the code says it.
        return code
    return code


def _culprit(error: BaseException) -> str:
    """The module that an import failed for, or the file in which it did."""
    match error:
        case ImportError(name=str(name)) | SyntaxError(filename=str(name)):
            return name
    file, place = "a module", error.__traceback__
    while place:
        file, place = place.tb_frame.f_code.co_filename, place.tb_next
    return file
