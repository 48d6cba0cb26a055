"""What a person should know about the configuration although it works: told once, at start."""

from attrs import frozen


@frozen
class Notice:
    """One line, free of secrets, that names the file and the key."""

    text: str
    file: str = ""
    key: str = ""

    def __str__(self) -> str:
        return self.text
