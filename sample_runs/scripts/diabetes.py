"""Regression on the diabetes data: seven models, most of which have one number a metric, one a curve.

The two best linear models are registered as versions of one model, so that the site has something to show under Models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Split, load
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVR

import reportgen as rg

MODELS: dict[str, Any] = {
    "least squares": LinearRegression(),
    "ridge": Ridge(alpha=10.0),
    "lasso": Lasso(alpha=1.0),
    "elastic net": ElasticNet(alpha=0.3, l1_ratio=0.5),
    "nearest neighbours": KNeighborsRegressor(n_neighbors=15),
    "support vectors": SVR(C=60.0),
    "boosted trees": GradientBoostingRegressor(n_estimators=150, learning_rate=0.05, max_depth=2, random_state=0),
}
REGISTERED = {"ridge": ("1", []), "lasso": ("2", ["champion"])}


def scores(true: NDArray[Any], guess: NDArray[Any]) -> dict[str, float]:
    """Return the metrics of one part of the data; RMSE and MAE are in units of the target."""
    return {
        "rmse": float(root_mean_squared_error(true, guess)),
        "mae": float(mean_absolute_error(true, guess)),
        "r2": float(r2_score(true, guess)),
    }


def log_scores(run: rg.Run, data: Split, model: Any) -> None:
    """Log the metrics: one point, or one for each stage of a model that grows."""
    if hasattr(model, "staged_predict"):
        pairs = zip(model.staged_predict(data.x), model.staged_predict(data.x_val), strict=True)
    else:
        pairs = zip([model.predict(data.x)], [model.predict(data.x_val)], strict=True)
    for step, (guess, guess_val) in enumerate(pairs):
        metrics = {f"train/{k}": v for k, v in scores(data.y, guess).items()}
        run.log_metrics(metrics | {f"val/{k}": v for k, v in scores(data.y_val, guess_val).items()}, step=step)


def log_residuals(run: rg.Run, data: Split, model: Any) -> None:
    """Keep the predictions as a table and the residuals as a picture."""
    guess = model.predict(data.x_val)
    rows = [{"true": float(t), "predicted": round(float(g), 2)} for t, g in zip(data.y_val, guess, strict=True)]
    run.log_table(rows, "predictions.csv")
    figure = Figure(figsize=(4.5, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.scatter(guess, data.y_val - guess, s=12)
    axes.axhline(0, color="grey", linewidth=1)
    axes.set(xlabel="predicted", ylabel="true - predicted")
    run.log_figure(figure, "residuals.svg")


def log_coefficients(run: rg.Run, data: Split, model: Any) -> None:
    """Keep the coefficients as text, and note which features a sparse model left out."""
    pairs = sorted(zip(data.features, model.coef_, strict=True), key=lambda pair: -abs(pair[1]))
    run.log_text("\n".join(f"{name:>4} {value:9.3f}" for name, value in pairs) + "\n", "coefficients.txt")
    left_out = sorted(name for name, value in pairs if np.isclose(value, 0))
    if left_out:
        run.note(f"Left out: {', '.join(f'`{name}`' for name in left_out)}. The rest is in `coefficients.txt`.")


def main() -> None:
    """Fit and log every model."""
    data = load("diabetes")
    rg.set_experiment("diabetes")
    for name, model in MODELS.items():
        params = {"model": name, **model.get_params()}
        with rg.start_run(name=name, params=params, tags={"kind": type(model).__module__.split(".")[1]}) as run:
            run.log_input(data.name, "train", digest=data.digest("train"), source=data.source)
            run.log_input(data.name, "validation", digest=data.digest("validation"), source=data.source)
            model.fit(data.x, data.y)
            log_scores(run, data, model)
            log_residuals(run, data, model)
            if hasattr(model, "coef_") and model.coef_.ndim == 1:
                log_coefficients(run, data, model)
            if name in REGISTERED:
                version, aliases = REGISTERED[name]
                file = Path("model.json")
                file.write_text(
                    json.dumps({"intercept": float(model.intercept_), "coefficients": model.coef_.tolist()})
                )
                run.log_model("diabetes-linear", file, version=version, aliases=aliases)


if __name__ == "__main__":
    main()
