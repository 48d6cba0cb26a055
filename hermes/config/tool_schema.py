"""What there is to set about tools that reach files and web sites.

A part of ``hermes.config.schema``, whose rules hold here.
"""

from attrs import field, frozen

from hermes.config.fields import about, folders


@frozen
class FileTools:
    """Folders that read_file, write_file, patch and search_files keep to. Commands are another matter (terminal)."""

    read_roots: tuple[str, ...] = field(
        default=(),
        validator=folders,
        metadata=about("folders that the file tools read in, and nowhere else; empty: everywhere, but no credentials"),
    )
    write_roots: tuple[str, ...] = field(
        default=(),
        validator=folders,
        metadata=about(
            "folders that the file tools write in, and nowhere else; empty: the working directory, the home,"
            " HERMES_HOME and the folders for temporary files. `/`: everywhere"
        ),
    )
