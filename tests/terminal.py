"""A terminal of 80 columns, as far as a line editor needs one: what is on its screen after these bytes?"""
import re

TOKEN = re.compile(r"\x1b\[(\d*)([A-Za-z])|(.)", re.S)


class Terminal:
    """rows: lists of characters, as many as were ever written to; nothing scrolls away."""

    def __init__(self, columns=80):
        self.columns, self.rows, self.row, self.column = columns, [[]], 0, 0

    def feed(self, text):
        for number, letter, char in TOKEN.findall(text):
            if letter:
                self.escape(letter, int(number or 1))
            elif char == "\r":
                self.column = 0
            elif char == "\n":
                self.go_to_row(self.row + 1)
            elif char == "\b":
                self.column = max(0, self.column - 1)
            elif char >= " ":
                self.put(char)
        return self

    def go_to_row(self, row):
        while len(self.rows) <= row:
            self.rows.append([])
        self.row = row

    def put(self, char):
        # Behind the last column the cursor waits: only the next character goes to the next row.
        if self.column == self.columns:
            self.go_to_row(self.row + 1)
            self.column = 0
        row = self.rows[self.row]
        row += " " * (self.column + 1 - len(row))
        row[self.column] = char
        self.column += 1

    def escape(self, letter, n):
        if letter == "A":
            self.row = max(0, self.row - n)
        elif letter == "B":
            self.row = min(len(self.rows) - 1, self.row + n)
        elif letter == "C":
            self.column = min(self.columns - 1, self.column + n)
        elif letter == "D":
            self.column = max(0, self.column - n)
        elif letter in "JK":
            del self.rows[self.row][self.column:]
            if letter == "J":
                del self.rows[self.row + 1:]
        else:
            raise ValueError(f"an escape sequence that no terminal of ours knows: {letter}")

    def joined(self, rows):
        return "".join("".join(row).ljust(self.columns) for row in rows)

    def text(self):
        """All of it, rows joined, without the blanks at the end."""
        return self.joined(self.rows).rstrip()

    def before_cursor(self):
        return self.joined(self.rows[:self.row]) + "".join(self.rows[self.row])[:self.column].ljust(self.column)
