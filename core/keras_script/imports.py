"""The import statements that a program needs, sorted as `ruff` sorts them."""

import ast
import sys
from collections.abc import Mapping

# What a script may use, by the name that it uses: a module, or a module and a name of it.
KNOWN_IMPORTS: Mapping[str, tuple[str, str | None]] = {
    "Image": ("PIL", "Image"),
    "ImageOps": ("PIL", "ImageOps"),
    "LogisticRegression": ("sklearn.linear_model", "LogisticRegression"),
    "Path": ("pathlib", "Path"),
    "keras": ("keras", None),
    "math": ("math", None),
    "np": ("numpy", None),
    "sys": ("sys", None),
    "tensorflow_hub": ("tensorflow_hub", None),
    "tf": ("tensorflow", None),
}


def imports_of(source: str) -> dict[str, tuple[str, str | None]]:
    """The imports of a module in the form of `KNOWN_IMPORTS`."""
    found: dict[str, tuple[str, str | None]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: (alias.name, None) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    return found


def write_imports(program: str, known: Mapping[str, tuple[str, str | None]]) -> str:
    """The statements for everything that a program uses and does not make itself.

    Args:
        program: source without imports.
        known: name to what it means.
    """
    used = {node.id for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Name)}
    wanted = {name: known[name] for name in used if name in known}
    groups = []
    for is_standard in (True, False):
        group = {
            name: origin
            for name, origin in wanted.items()
            if (origin[0].split(".")[0] in sys.stdlib_module_names) is is_standard
        }
        groups.append("\n".join(_statements(group)))
    return "\n\n".join(group for group in groups if group)


def _statements(wanted: Mapping[str, tuple[str, str | None]]) -> list[str]:
    """Whole modules first, then names out of modules."""
    whole = sorted((module, name) for name, (module, part) in wanted.items() if part is None)
    statements = [f"import {module}" if module == name else f"import {module} as {name}" for module, name in whole]
    for origin in sorted({module for module, part in wanted.values() if part is not None}, key=str.casefold):
        names = sorted((name for name, (module, part) in wanted.items() if part and module == origin), key=_rank)
        statements.append(f"from {origin} import {', '.join(names)}")
    return statements


def _rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name)
