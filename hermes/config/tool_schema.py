"""What there is to set about tools that reach files and web sites.

A part of ``hermes.config.schema``, whose rules hold here.
"""

from attrs import field, frozen

from hermes.config.fields import about, folders


@frozen
class WebsiteBlocklist:
    """Sites that the agent's tools do not visit."""

    enabled: bool = field(default=False, metadata=about("whether sites are put out of the agent's reach"))
    domains: tuple[str, ...] = field(
        default=(),
        metadata=about("their names: `example.com` with all below it, `*.example.com` all below it alone"),
    )
    shared_files: tuple[str, ...] = field(
        default=(),
        validator=folders,
        metadata=about("files with more of them, one a line; a relative one lies in HERMES_HOME"),
    )


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
