"""A small reader of C: enough to find functions, their parameters, branches and nesting, and file-scope variables.

It works on text that clang-format has laid out. Comments and literals are blanked out first with all line breaks kept,
so that every token knows its line; preprocessor lines are dropped.
"""

import re

TOKEN = re.compile(r'[A-Za-z_]\w*|\d[\w.]*|"|&&|\|\||[{}()\[\];,?:=*]|\S')
LOOPS = ("for", "while", "switch")


def strip(text, keep_strings=False):
    """`text` without comments, and with empty string (unless asked to keep them) and character literals."""

    def blank(match):
        piece = match.group(0)
        if piece.startswith("/"):
            return " " + "\n" * piece.count("\n")
        if keep_strings and piece[0] == '"':
            return piece
        return piece[0] + piece[0] if piece[0] == '"' else "0"

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'', blank, text, flags=re.S)


def strings(text):
    """(line, value) of every string literal outside preprocessor lines; adjacent ones stay apart."""
    text = drop_preprocessor(strip(text, keep_strings=True))
    for match in re.finditer(r'"((?:\\.|[^"\\])*)"', text, flags=re.S):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


def sentences(text):
    """The same with adjacent literals as one, as the compiler reads them."""
    bare = drop_preprocessor(strip(text, keep_strings=True))
    one = r'"(?:\\.|[^"\\])*"'
    for match in re.finditer(rf"{one}(?:\s*{one})*", bare):
        yield bare.count("\n", 0, match.start()) + 1, "".join(piece[1:-1] for piece in re.findall(one, match.group(0)))


def drop_preprocessor(text):
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M)


def tokens(text):
    """[(token, line)]"""
    found = []
    for number, line in enumerate(drop_preprocessor(strip(text)).split("\n"), 1):
        found += [(token, number) for token in TOKEN.findall(line)]
    return found


def closing(toks, i):
    """Index of the bracket that closes the one at i."""
    depth = 0
    for j in range(i, len(toks)):
        if toks[j][0] in "([{":
            depth += 1
        elif toks[j][0] in ")]}":
            depth -= 1
            if depth == 0:
                return j
    raise ValueError(f"line {toks[i][1]}: '{toks[i][0]}' is never closed")


def chunks(toks):
    """File-scope pieces: (kind, [tokens], body) with kind 'function' or 'declaration'; body is an index range."""
    i, start = 0, 0
    while i < len(toks):
        token = toks[i][0]
        if token == "{":
            end = closing(toks, i)
            if i > start and toks[i - 1][0] == ")" and not any(t == "=" for t, _ in toks[start:i]):
                yield "function", toks[start:i], (i, end)
                start = end + 1
            i = end
        elif token in "([":
            i = closing(toks, i)
        elif token == ";":
            yield "declaration", toks[start:i], None
            start = i + 1
        i += 1


class Function:
    """Name, first and last line, number of parameters, cyclomatic complexity, deepest nesting of control statements."""

    def __init__(self, head, toks, body):
        self.line = head[0][1]
        self.last_line = toks[body[1]][1]
        opening = last_group(head)
        self.name = head[opening - 1][0]
        self.parameters = count_parameters(head[opening:])
        inner = toks[body[0] + 1 : body[1]]
        self.complexity = 1 + branches([t for t, _ in inner])
        self.nesting = Nesting(toks).block(body[0], 0)

    @property
    def lines(self):
        return self.last_line - self.line + 1


def branches(words):
    """Decisions; the labels of one branch of a switch (case A: case B:) are one decision."""
    count, stacked = 0, False
    for i, word in enumerate(words):
        if word == "case":
            count += not stacked
        elif word in ("if", "for", "while", "&&", "||", "?"):
            count += 1
        if word == ":":
            stacked = words[i + 1 : i + 2] == ["case"]
    return count


def last_group(head):
    """Index of the '(' that opens the parameters: the last group at the top level."""
    i, opening = 0, None
    while i < len(head):
        if head[i][0] in "([{":
            if head[i][0] == "(":
                opening = i
            i = closing(head, i)
        i += 1
    return opening


def count_parameters(group):
    inner = [t for t, _ in group[1:-1]]
    if not inner or inner == ["void"]:
        return 0
    depth, commas = 0, 0
    for token in inner:
        depth += token in ("(", "[", "{")
        depth -= token in (")", "]", "}")
        commas += token == "," and depth == 0
    return commas + 1


class Nesting:
    """Walks statements; each method returns the deepest control statement it saw (`after` is the next index)."""

    def __init__(self, toks):
        self.toks = toks
        self.after = 0

    def at(self, i):
        return self.toks[i][0] if i < len(self.toks) else ""

    def block(self, i, depth):
        end, deepest = closing(self.toks, i), depth
        self.after = i + 1
        while self.after < end:
            deepest = max(deepest, self.statement(self.after, depth))
        self.after = end + 1
        return deepest

    def statement(self, i, depth):
        token = self.at(i)
        if token == "{":
            return self.block(i, depth)
        if token == "if":
            return self.branch(i, depth)
        if token == "do":
            deepest = self.statement(i + 1, depth + 1)
            self.skip(self.after)
            return max(deepest, depth + 1)
        if token in LOOPS:
            return self.loop(i, depth)
        # cJSON_ArrayForEach(item, list) { … } is a loop too
        if re.match(r"[A-Za-z_]", token) and self.at(i + 1) == "(":
            if self.at(closing(self.toks, i + 1) + 1) == "{":
                return self.loop(i, depth)
        self.skip(i)
        return depth

    def loop(self, i, depth):
        return max(depth + 1, self.statement(closing(self.toks, i + 1) + 1, depth + 1))

    def branch(self, i, depth):
        deepest = max(depth + 1, self.statement(closing(self.toks, i + 1) + 1, depth + 1))
        if self.at(self.after) == "else":
            nested = depth if self.at(self.after + 1) == "if" else depth + 1
            deepest = max(deepest, self.statement(self.after + 1, nested))
        return deepest

    def skip(self, i):
        """To behind the ';' of an expression or declaration, or behind a label's ':'."""
        label = self.at(i) in ("case", "default") or self.at(i + 1) == ":"
        while i < len(self.toks):
            token = self.at(i)
            if token == ";" or (label and token == ":"):
                break
            if token == "}":
                i -= 1
                break
            i = closing(self.toks, i) if token in ("(", "[", "{") else i
            i += 1
        self.after = i + 1


def functions(text):
    toks = tokens(text)
    return [Function(head, toks, body) for kind, head, body in chunks(toks) if kind == "function"]


def mutable_globals(text):
    """(line, name) of file-scope variables that other files could change."""
    found = []
    for kind, toks, _ in chunks(tokens(text)):
        words = [t for t, _ in toks]
        if kind != "declaration" or not words or words[0] in ("typedef", "_Static_assert"):
            continue
        if "static" in words:
            continue
        declarator = top_level(toks)
        if not declarator or any(t == "(" for t, _ in declarator) or len(declarator) < 2:
            continue
        names = [t for t, _ in declarator]
        if names[-2] in ("struct", "enum", "union"):
            continue  # a definition or forward declaration of a type
        stars = [i for i, t in enumerate(names) if t == "*"]
        tail = names[stars[-1] :] if stars else names
        if "const" not in tail:
            found.append((declarator[0][1], names[-1]))
    return found


def top_level(toks):
    """A declaration up to '=', without what stands in braces or square brackets; '(' stays to be seen."""
    out, i = [], 0
    while i < len(toks):
        token = toks[i][0]
        if token == "=":
            break
        if token in ("{", "["):
            i = closing(toks, i) + 1
            continue
        out.append(toks[i])
        if token == "(":
            i = closing(toks, i)
        i += 1
    return out
