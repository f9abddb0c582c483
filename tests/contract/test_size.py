"""Functions fit in the eye, files in the mind; what waits or gathers has a bound beside it."""

import ast

from tests.contract.source import modules

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400


def test_functions_are_short() -> None:
    wrong = [
        f"{module.at(node)}: {node.name} has {lines} lines"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for lines in [(node.end_lineno or node.lineno) - node.lineno + 1]
        if lines > FUNCTION_LINES_MAX
    ]
    assert not wrong, f"at most {FUNCTION_LINES_MAX} lines:\n" + "\n".join(wrong)


def test_files_are_short() -> None:
    wrong = [
        f"{module.path.name}: {lines} lines"
        for module in modules()
        for lines in [module.text.count("\n")]
        if lines > FILE_LINES_MAX
    ]
    assert not wrong, f"at most {FILE_LINES_MAX} lines, then a folder of that name:\n" + "\n".join(wrong)


def test_queues_are_bounded() -> None:
    """By `maxsize`, or by asking for the size before putting something in."""
    wrong = [
        f"{module.at(node)}: {node.func.attr}()"
        for module in modules()
        if "qsize() >= " not in module.text and "self.waiting >= " not in module.text
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"}
        if not node.args and not any(keyword.arg == "maxsize" for keyword in node.keywords)
    ]
    assert not wrong, "a queue has a maximum, with a name:\n" + "\n".join(wrong)


def test_every_module_says_what_it_is_for() -> None:
    wrong = [module.name for module in modules() if module.tree.body and not ast.get_docstring(module.tree)]
    assert not wrong, "no docstring:\n" + "\n".join(wrong)


def test_nothing_is_left_for_later() -> None:
    marks = tuple(first + second for first, second in (("TO", "DO"), ("FIX", "ME"), ("XX", "X")))
    wrong = [
        f"{module.path.name}:{number}: {line.strip()}"
        for module in modules()
        for number, line in enumerate(module.text.splitlines(), 1)
        if any(mark in line for mark in marks)
    ]
    assert not wrong, "\n".join(wrong)
