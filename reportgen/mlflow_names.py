"""MLflow's names that the logger does not have, with what to use instead: what `import reportgen as mlflow` answers.

`docs/mlflow.md` shows the same table to people, and a test holds the two together.
"""

from __future__ import annotations

from typing import Final

_DELETE_LINE: Final = "delete the line: "
_LATER: Final = "log what it would record with log_params, log_metrics and log_artifact"
_SITE: Final = "build a site with `reportgen build runs/ -o site` and look there"
_FLAVOUR: Final = "save the model with its own library and keep the file with log_model(name, files=…)"
_MODEL: Final = "use log_model(name, files=…), and tags of the run that logs the model"
_PROMPT: Final = "prompts are not recorded; keep them with log_text"
_WORKSPACE: Final = "there are no workspaces: a folder of logs is one, REPORTGEN_DIR names it"
_TRACE: Final = "traces are not recorded; keep them with log_text or log_dict"

ADVICE: Final[dict[str, str]] = {
    "ActiveModel": _MODEL,
    "ActiveRun": "use reportgen.Run",
    "Image": "give log_image a PIL image or an array",
    "MlflowClient": "use the functions and the Run of start_run; there is no server to be a client of",
    "MlflowException": "catch reportgen.LoggerError",
    "add_trace": _TRACE,
    "artifacts": "keep files with log_artifact; they lie in <run folder>/artifacts",
    "autolog": _LATER,
    "clear_active_model": _MODEL,
    "client": "use the functions and the Run of start_run; there is no server to be a client of",
    "context": _TRACE,
    "create_experiment": "use set_experiment(name); an experiment exists as soon as a run is logged to it",
    "create_external_model": "use log_model(name, files=…)",
    "create_workspace": _WORKSPACE,
    "data": "use log_input(name, context, digest=…, source=…)",
    "delete_assessment": _TRACE,
    "delete_expectation": _TRACE,
    "delete_experiment": "delete the experiment's folder below runs/",
    "delete_experiment_tag": "tag the runs with set_tag, or describe the experiment in reportgen.toml",
    "delete_feedback": _TRACE,
    "delete_logged_model_tag": _MODEL,
    "delete_prompt_alias": _PROMPT,
    "delete_run": "delete the run's folder below runs/",
    "delete_tag": "set the tag to an empty text with set_tag",
    "delete_trace_tag": _TRACE,
    "delete_workspace": _WORKSPACE,
    "disable_system_metrics_logging": _DELETE_LINE + "system metrics are not recorded",
    "doctor": "use `reportgen --version`",
    "enable_system_metrics_logging": _DELETE_LINE + "log what you need with log_metrics",
    "evaluate": "compute the numbers with your own library and log them with log_metrics",
    "exceptions": "catch reportgen.LoggerError",
    "finalize_logged_model": "use log_model(name, files=…), which is final",
    "flush_artifact_async_logging": _DELETE_LINE + "every call is on disk when it returns",
    "flush_async_logging": _DELETE_LINE + "every call is on disk when it returns",
    "flush_trace_async_logging": _DELETE_LINE + "every call is on disk when it returns",
    "gateway": _PROMPT,
    "get_active_model_id": _MODEL,
    "get_active_trace_id": _TRACE,
    "get_artifact_uri": "use active_run().info.artifact_uri",
    "get_assessment": _TRACE,
    "get_current_active_span": _TRACE,
    "get_experiment": "use set_experiment(name), which returns it",
    "get_experiment_by_name": "use set_experiment(name), which returns it and needs no creation",
    "get_last_active_trace": _TRACE,
    "get_last_active_trace_id": _TRACE,
    "get_logged_model": _MODEL,
    "get_parent_run": "keep the Run that start_run returned for the parent",
    "get_registry_uri": "models are kept in the run: log_model(name, files=…)",
    "get_run": "use load(source).run(run_id), or search_runs(source, filter)",
    "get_trace": _TRACE,
    "get_tracking_uri": "logs go to runs/, to the folder in REPORTGEN_DIR, or to start_run(log_dir=…)",
    "get_workspace": _WORKSPACE,
    "import_checkpoints": "use log_model(name, files=…)",
    "initialize_logged_model": "use log_model(name, files=…)",
    "is_tracking_uri_set": "logs go to runs/, to the folder in REPORTGEN_DIR, or to start_run(log_dir=…)",
    "last_logged_model": _MODEL,
    "list_workspaces": _WORKSPACE,
    "load_prompt": _PROMPT,
    "load_table": "read <run folder>/artifacts/<name>, or take it from the site",
    "log_assessment": _TRACE,
    "log_expectation": _TRACE,
    "log_feedback": _TRACE,
    "log_inputs": "call log_input once for each data set",
    "log_issue": _TRACE,
    "log_model_params": "use log_params",
    "log_outputs": "use log_model(name, files=…)",
    "log_stream": "use log_text(stream.read(), artifact_file), or log_artifact for bytes",
    "log_trace": _TRACE,
    "login": _DELETE_LINE + "there is no account",
    "metrics": "compute the numbers with your own library and log them with log_metrics",
    "models": _FLAVOUR,
    "override_feedback": _TRACE,
    "projects": "start the program itself; the run notes its commit and command line",
    "prompt": _PROMPT,
    "register_model": "use log_model(name, files=…, aliases=…), which gives the version as well",
    "register_prompt": _PROMPT,
    "restore_experiment": "nothing is deleted but by deleting its folder",
    "restore_run": "nothing is deleted but by deleting its folder",
    "run": "start the program itself; the run notes its commit and command line",
    "search_experiments": "use load(source).experiments",
    "search_logged_models": _SITE,
    "search_model_versions": _SITE,
    "search_prompts": _PROMPT,
    "search_registered_models": _SITE,
    "search_sessions": _TRACE,
    "search_traces": _TRACE,
    "set_active_model": _MODEL,
    "set_experiment_tag": "tag the runs with set_tag, or describe the experiment in reportgen.toml",
    "set_experiment_tags": "tag the runs with set_tags, or describe the experiment in reportgen.toml",
    "set_logged_model_tags": "use set_tags on the run that logs the model",
    "set_model_version_tag": _MODEL,
    "set_prompt_alias": _PROMPT,
    "set_registry_uri": _DELETE_LINE + "models are kept in the run",
    "set_system_metrics_node_id": _DELETE_LINE + "system metrics are not recorded",
    "set_system_metrics_samples_before_logging": _DELETE_LINE + "system metrics are not recorded",
    "set_system_metrics_sampling_interval": _DELETE_LINE + "system metrics are not recorded",
    "set_trace_tag": _TRACE,
    "set_tracking_uri": _DELETE_LINE + "logs go to runs/, to the folder in REPORTGEN_DIR, or to start_run(log_dir=…)",
    "set_workspace": _WORKSPACE,
    "start_span": _TRACE,
    "start_span_no_context": _TRACE,
    "test": "compare the numbers yourself before log_metrics",
    "trace": _TRACE,
    "tracing": _TRACE,
    "tracking": "use the functions and the Run of start_run; there is no server to be a client of",
    "update_assessment": _TRACE,
    "update_current_trace": _TRACE,
    "update_expectation": _TRACE,
    "update_feedback": _TRACE,
    "update_workspace": _WORKSPACE,
    "validate_evaluation_results": "compare the numbers yourself before log_metrics",
    **dict.fromkeys(
        (
            "anthropic", "autogen", "bedrock", "catboost", "crewai", "diviner", "dspy", "fastai", "gemini", "groq",
            "h2o", "johnsnowlabs", "keras", "langchain", "lightgbm", "litellm", "llama_index", "llm", "mistral",
            "mleap", "onnx", "openai", "paddle", "pmdarima", "promptflow", "promptlab", "prophet", "pyfunc",
            "pyspark", "pytorch", "recipes", "rfunc", "sentence_transformers", "shap", "sklearn", "spacy", "spark",
            "statsmodels", "tensorflow", "transformers", "txtai", "xgboost",
        ),
        _FLAVOUR,
    ),
}  # fmt: skip
"""MLflow's name -> what to do instead, as the second half of a sentence."""

_BY_EXPERIMENT: Final = (
    "name the folder of your runs or a site first, and the experiment in the filter, as in "
    "search_runs('runs/', \"experiment IN ('digits', 'letters')\")"
)
SEARCH_RUNS_ADVICE: Final[dict[str, str]] = {
    "experiment_ids": _BY_EXPERIMENT,
    "experiment_names": _BY_EXPERIMENT,
    "filter_string": "write filter=, as in search_runs('runs/', filter=\"metrics.loss < 0.1\")",
    "run_view_type": "leave it out: a run whose folder was deleted is gone",
    "search_all_experiments": "leave it out: all experiments of the source are searched",
}
"""Argument that MLflow's `search_runs` has and ours has not -> what to write instead."""
