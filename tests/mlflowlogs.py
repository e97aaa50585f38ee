"""File stores and databases of MLflow for tests, written without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

T0 = 1_700_000_000.0
"""When the runs began; they last a minute."""


def run_id(number: int) -> str:
    """Return the id of a run."""
    return f"{number:032x}"


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files by their paths below `folder`."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def write_experiment(root: Path, number: str, name: str, *, deleted: bool = False) -> Path:
    """Write an experiment of a store and return its folder."""
    stage = "deleted" if deleted else "active"
    meta = (
        f"artifact_location: file:///home/ada/mlruns/{number}\ncreation_time: 1\nexperiment_id: '{number}'\n"
        f"last_update_time: 1700000000000\nlifecycle_stage: {stage}\nname: {name}\n"
    )
    write_files(root / number, {"meta.yaml": meta})
    return root / number


def write_run(
    experiment: Path,
    number: int,
    *,
    status: int = 3,
    deleted: bool = False,
    params: Mapping[str, str] | None = None,
    metrics: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    artifacts: Mapping[str, str] | None = None,
) -> Path:
    """Write a run of a store as MLflow 3 lays it out, and return its folder."""
    own = run_id(number)
    folder = experiment / own
    end = "null" if status in (1, 2) else "1700000060000"
    meta = (
        f"artifact_uri: file:///home/ada/mlruns/{experiment.name}/{own}/artifacts\nend_time: {end}\n"
        f"entry_point_name: ''\nexperiment_id: '{experiment.name}'\n"
        f"lifecycle_stage: {'deleted' if deleted else 'active'}\nrun_id: {own}\n"
        f"run_name: {(tags or {}).get('mlflow.runName', f'run-{number}')}\nsource_name: ''\nsource_type: 4\n"
        f"source_version: ''\nstart_time: 1700000000000\nstatus: {status}\ntags: []\nuser_id: ada\n"
    )
    write_files(folder, {"meta.yaml": meta})
    for room, files in (("params", params), ("metrics", metrics), ("tags", tags), ("artifacts", artifacts)):
        write_files(folder / room, files or {})
    return folder


def write_version(store: Path, model: str, version: int, run: str, source: str, *, stage: str = "None") -> None:
    """Write a version of a registered model."""
    folder = store / "models" / model
    times = "creation_timestamp: 1700000000000\nlast_updated_timestamp: 1700000000000\n"
    meta = f"{times}current_stage: {stage}\nname: {model}\nrun_id: {run or 'null'}\nsource: {source}\nstatus: READY\n"
    write_files(
        folder, {"meta.yaml": f"{times}name: {model}\n", f"version-{version}/meta.yaml": f"{meta}version: {version}\n"}
    )


TABLES_0 = """
create table experiments (experiment_id integer primary key, name varchar(256), artifact_location varchar(256),
 lifecycle_stage varchar(32));
create table runs (run_uuid varchar(32) primary key, name varchar(250), source_type varchar(20),
 source_name varchar(500), entry_point_name varchar(50), user_id varchar(256), status varchar(20), start_time bigint,
 end_time bigint, source_version varchar(50), lifecycle_stage varchar(20), artifact_uri varchar(200),
 experiment_id integer);
create table tags (key varchar(250) not null, value varchar(250), run_uuid varchar(32) not null,
 primary key (key, run_uuid));
create table metrics (key varchar(250) not null, value float not null, timestamp bigint not null,
 run_uuid varchar(32) not null, primary key (key, timestamp, run_uuid, value));
create table params (key varchar(250) not null, value varchar(250) not null, run_uuid varchar(32) not null,
 primary key (key, run_uuid));
"""
"""The schema before 1.0: no steps, no flag for NaN, no indexes of runs."""
TABLES_1 = (
    TABLES_0.replace(
        "run_uuid varchar(32) not null, primary key (key, timestamp, run_uuid, value)",
        "run_uuid varchar(32) not null, step bigint default 0 not null, is_nan boolean default 0 not null,"
        " primary key (key, timestamp, step, run_uuid, value, is_nan)",
    )
    + """
create table experiment_tags (key varchar(250), value varchar(5000), experiment_id integer);
create table registered_models (name varchar(256) primary key, creation_time bigint);
create table model_versions (name varchar(256), version integer, current_stage varchar(20), source varchar(500),
 run_id varchar(32), primary key (name, version));
"""
)
"""As of 1.30, in what counts here."""
TABLES_3 = (
    TABLES_1
    + """
alter table experiments add column workspace varchar(63) default 'default';
create table registered_model_aliases (alias varchar(256), version integer, name varchar(256));
create table datasets (dataset_uuid varchar(36), experiment_id integer, name varchar(500), digest varchar(36),
 dataset_source_type varchar(36), dataset_source text, dataset_schema text, dataset_profile text);
create table inputs (input_uuid varchar(36), source_type varchar(36), source_id varchar(36),
 destination_type varchar(36), destination_id varchar(36), step bigint default 0);
create table input_tags (input_uuid varchar(36), name varchar(255), value varchar(500));
create index index_params_run_uuid on params (run_uuid);
create index index_tags_run_uuid on tags (run_uuid);
create index index_metrics_run_uuid on metrics (run_uuid);
create table unknown_of_later_versions (a, b);
"""
)
"""As of 3.x, in what counts here."""
SCHEMAS = {"0.x": TABLES_0, "1.x": TABLES_1, "3.x": TABLES_3}


def make_database(path: Path, schema: str = TABLES_3) -> sqlite3.Connection:
    """Make an empty database of MLflow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(schema)
    return connection


def insert(connection: sqlite3.Connection, table: str, **values: object) -> None:
    """Insert a row."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"insert into {table} ({names}) values ({marks})", tuple(values.values()))


def insert_run(
    connection: sqlite3.Connection,
    number: int,
    *,
    experiment: int = 1,
    status: str = "FINISHED",
    stage: str = "active",
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, list[tuple[object, ...]]] | None = None,
) -> None:
    """Insert a run; points are (ms, value) or (ms, value, step) or (ms, value, step, is_nan)."""
    own = run_id(number)
    if not connection.execute("select 1 from experiments where experiment_id = ?", (experiment,)).fetchall():
        insert(connection, "experiments", experiment_id=experiment, name=f"exp {experiment}", lifecycle_stage="active")
    insert(
        connection,
        "runs",
        run_uuid=own,
        name=(tags or {}).get("mlflow.runName", f"run-{number}"),
        user_id="ada",
        status=status,
        start_time=1_700_000_000_000,
        end_time=None if status == "RUNNING" else 1_700_000_060_000,
        lifecycle_stage=stage,
        artifact_uri=f"file:///home/ada/project/mlruns/{experiment}/{own}/artifacts",
        experiment_id=experiment,
    )
    for key, value in (params or {}).items():
        insert(connection, "params", key=key, value=value, run_uuid=own)
    for key, value in (tags or {}).items():
        insert(connection, "tags", key=key, value=value, run_uuid=own)
    for key, points in (metrics or {}).items():
        for point in points:
            fields = dict(zip(("timestamp", "value", "step", "is_nan"), point, strict=False))
            insert(connection, "metrics", key=key, run_uuid=own, **fields)
    connection.commit()
