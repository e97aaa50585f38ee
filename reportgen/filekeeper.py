"""The part of a run that keeps files: artifacts, files made from objects, models.

A file is copied first, and its line written when the copy is there whole. A copy that fails for want of space is
warned of and counted as lost, like a line; a file that does not exist is the caller's mistake and raises.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reportgen.errors import LoggerError
from reportgen.formats import ARTIFACT_FOLDER, clean_text, cut_name
from reportgen.logartifacts import (
    KeptFile,
    Table,
    copy_file,
    figure_bytes,
    hash_file,
    image_bytes,
    iter_files,
    json_bytes,
    make_table,
    media_type,
    model_digest,
    model_files,
    name_below,
    require_file,
    safe_name,
    table_bytes,
    write_file,
)
from reportgen.logfile import LogFile
from reportgen.logvalues import checked_step, checked_text, plain_tag


class FileKeeper:
    """Base of `Run`: what it does with files. `Run` writes the lines."""

    folder: Path
    """The run's folder."""
    _file: LogFile
    _tables: dict[str, Table]

    def _write(self, event: dict[str, Any]) -> None:
        raise NotImplementedError

    def _refuse_after_end(self) -> None:
        raise NotImplementedError

    def log_artifact(
        self, local_path: str | os.PathLike[str], artifact_path: str | None = None, *, copy: bool = True
    ) -> None:
        """Keep a copy of a file, or of all files of a folder, in the run, below the folder `artifact_path`.

        With `copy=False` only a reference is noted: the file's name and size, or an address such as `s3://…`.
        Raises `LoggerError` when there is no such file; a copy that fails is warned of and counted as lost.
        """
        if not isinstance(local_path, str | os.PathLike):
            raise LoggerError(f"log_artifact takes the path of a file, not {type(local_path).__name__}")
        if not copy:
            self._refer_to(os.fspath(local_path), artifact_path)
            return
        source = Path(local_path)
        if source.is_dir():
            self.log_artifacts(source, "/".join(filter(None, (artifact_path, source.absolute().name))))
            return
        require_file(source)
        self._keep_file(source, name_below(artifact_path, source.name))

    def log_artifacts(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Keep copies of all files below a folder; see `log_artifact`. The folder of the run itself is left out."""
        source = Path(local_dir)
        if not source.is_dir():
            raise LoggerError(f"log_artifacts: there is no folder {os.fspath(local_dir)!r}; log_artifact takes a file")
        for file in iter_files(source, skip=self.folder.parent.parent):
            self._keep_file(file, name_below(artifact_path, file.relative_to(source).as_posix()))

    def log_text(self, text: str, artifact_file: str) -> None:
        """Keep `text` as the file `artifact_file`."""
        self._keep(checked_text(text, "log_text's text").encode(), artifact_file)

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Keep a mapping or a list as JSON, which is YAML as well."""
        if not isinstance(dictionary, Mapping | list | tuple):
            raise LoggerError(f"log_dict takes a mapping or a list, not {type(dictionary).__name__}")
        self._keep(json_bytes(dictionary), artifact_file)

    def log_figure(self, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
        """Keep a matplotlib or plotly figure; the ending of the name decides the format."""
        name = safe_name(artifact_file)
        self._keep(figure_bytes(figure, name, save_kwargs), name)

    def log_image(
        self, image: Any, artifact_file: str | None = None, key: str | None = None, step: int | None = None
    ) -> None:
        """Keep a PIL image or an array of shape (height, width[, 1, 3 or 4]).

        Give the name of the file, or a `key` and perhaps a `step`: `images/<key>/<step>.png`.
        """
        if (artifact_file is None) == (key is None):
            raise LoggerError("log_image takes artifact_file=, or key= and step=")
        if artifact_file is None:
            artifact_file = f"images/{safe_name(key)}/{checked_step(step or 0):06d}.png"
        name = safe_name(artifact_file)
        self._keep(image_bytes(image, name), name)

    def log_table(self, data: Any, artifact_file: str) -> None:
        """Keep a table (`.json`, `.csv` or `.tsv`): columns, a list of rows, or a DataFrame.

        The rows of a second call with the same name are added to those of the first.
        """
        name, table = safe_name(artifact_file), make_table(data)
        if name in self._tables:
            table = self._tables[name].extended(table)
        content = table_bytes(table, name)
        self._tables[name] = table
        self._keep(content, name)

    def log_model(
        self,
        name: str,
        files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        version: str | int | None = None,
        aliases: str | Sequence[str] = (),
        derived_from: str | None = None,
    ) -> None:
        """Keep the files of a model under `models/<name>/<version>/` and note the version.

        `files` are files or folders. Without `version` it is the first 12 digits of the sha256 of the files, so that
        the same files are the same version wherever they were made. `derived_from` names the model that this one
        continues, as `name@version`.
        """
        paths = [files] if isinstance(files, str | os.PathLike) else list(files)
        found = model_files(paths)
        folder = safe_name(name, what="model")
        try:
            digest = model_digest({kept: hash_file(path) for kept, path in found.items()})
        except OSError as error:
            self._file.lose(error)
            return
        label = digest[:12] if version is None else plain_tag(version)
        folder = f"models/{folder}/{safe_name(label, what='version')}"
        for kept, path in found.items():
            self._keep_file(path, safe_name(f"{folder}/{kept}"))
        event = {
            "event": "model",
            "name": cut_name(clean_text(name)),
            "version": cut_name(label),
            "aliases": [aliases] if isinstance(aliases, str) else [plain_tag(alias) for alias in aliases],
            "files": [safe_name(f"{folder}/{kept}") for kept in found],
            "sha256": digest,
            "from": plain_tag(derived_from or ""),
        }
        self._write(event)

    def _keep(self, content: bytes, artifact_file: str) -> None:
        name = safe_name(artifact_file)
        self._refuse_after_end()
        try:
            kept = write_file(content, self.folder / ARTIFACT_FOLDER, name)
        except OSError as error:
            self._file.lose(error)
        else:
            self._note_artifact(kept)

    def _keep_file(self, source: Path, name: str) -> None:
        self._refuse_after_end()
        try:
            kept = copy_file(source, self.folder / ARTIFACT_FOLDER, name)
        except OSError as error:
            self._file.lose(error)
        else:
            self._note_artifact(kept)

    def _note_artifact(self, kept: KeptFile) -> None:
        media = media_type(kept.name)
        size, digest = kept.size_bytes, kept.sha256
        self._write({"event": "artifact", "path": kept.name, "bytes": size, "sha256": digest, "media": media})

    def _refer_to(self, address: str, artifact_path: str | None) -> None:
        from reportgen.capture.redaction import strip_credentials

        is_url = "://" in address
        address = strip_credentials(clean_text(address))
        base = address.split("?")[0].rstrip("/").rpartition("/")[2] if is_url else Path(address).name
        name = name_below(artifact_path, base)
        event = {"event": "artifact", "path": name, "media": media_type(name), "copied": False}
        if is_url:
            event["source"] = address
        elif not Path(address).exists():
            raise LoggerError(f"log_artifact: there is no file {address!r}")
        else:
            event["bytes"] = Path(address).stat().st_size
        self._write(event)
