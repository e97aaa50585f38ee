"""MLflow: file stores (`mlruns/`) and SQLite databases (`mlflow.db`), with experiments, runs and registered models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reportgen.model import Stream
from reportgen.sources.kinds import Claim, Listing
from reportgen.sources.mlflow.database import claim_databases, read_database
from reportgen.sources.mlflow.files import claim_files, read_files
from reportgen.sources.places import Place, RunRef


class MlFlow:
    """Reads what MLflow 0.x to 3.x writes."""

    name = "mlflow"
    title = "MLflow"
    about = "`<experiment>/meta.yaml` and `<experiment>/<run>/meta.yaml`, or an SQLite database with MLflow's tables"

    def claim(self, folder: Listing) -> Claim | None:
        """Take a store, an experiment or a run of one, and databases."""
        deleted = folder.options.mlflow_deleted
        claims = [
            claim
            for claim in (claim_databases(folder, deleted=deleted), claim_files(folder, deleted=deleted))
            if claim is not None
        ]
        if len(claims) < 2:
            return claims[0] if claims else None
        first, second = claims
        return Claim(
            first.runs + second.runs,
            first.files | second.files,
            first.folders | second.folders,
            second.is_one_run,
            first.problems + second.problems,
        )

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one run, from the database that has it or from its folder."""
        return [read_database(place, ref) if place.item else read_files(place, ref)]


KIND: Final = MlFlow()
