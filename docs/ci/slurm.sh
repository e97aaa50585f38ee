#!/usr/bin/env bash
# An array of trainings and one job that publishes them: `bash slurm.sh submit` on a login node.
#
# All tasks log to one folder on the shared file system; each run is tagged with its job, its array and its task. The last
# job waits for all of them, however they end: runs that failed are published as such.
#
#   RUNS     folder that all nodes see                            [runs, beside this script]
#   SEEDS    tasks of the array, one seed each                    [0-7]
#   SITE     folder of the site, such as ~/public_html/runs       [site, beside this script]
#   REMOTE   address of a repository; with it the site goes to its branch gh-pages instead of SITE
set -euo pipefail

here=$(cd "$(dirname "${REPORTGEN_SLURM_SCRIPT:-$0}")" && pwd)
# Slurm runs a copy of this file elsewhere.
export REPORTGEN_SLURM_SCRIPT="$here/slurm.sh"
export REPORTGEN_DIR="${RUNS:-$here/runs}"

case "${1:-}" in
  submit)
    mkdir -p "$REPORTGEN_DIR" "$here/slurm"
    array=$(sbatch --parsable --job-name=train --array="${SEEDS:-0-7}" --time=04:00:00 --cpus-per-task=4 --mem=16G \
      --output="$here/slurm/%x-%A-%a.txt" "$REPORTGEN_SLURM_SCRIPT" train)
    array=${array%%;*} # a federation adds the name of the cluster
    publish=$(sbatch --parsable --job-name=publish --dependency="afterany:$array" --time=01:00:00 --cpus-per-task=2 \
      --mem=8G --output="$here/slurm/%x-%j.txt" "$REPORTGEN_SLURM_SCRIPT" publish)
    echo "array $array, then job ${publish%%;*}"
    ;;
  train)
    cd "$here"
    srun python train.py --seed "$SLURM_ARRAY_TASK_ID"
    ;;
  publish)
    cd "$here"
    if [ -n "${REMOTE:-}" ]; then
      reportgen publish "$REPORTGEN_DIR" --remote "$REMOTE" --jobs "${SLURM_CPUS_PER_TASK:-1}"
    else
      reportgen build "$REPORTGEN_DIR" --append --output "${SITE:-$here/site}" --jobs "${SLURM_CPUS_PER_TASK:-1}"
    fi
    ;;
  *)
    echo "usage: bash slurm.sh submit" >&2
    exit 2
    ;;
esac
