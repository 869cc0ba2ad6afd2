#!/bin/bash
#SBATCH --job-name=upscale
#SBATCH --array=1-16
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append

# Each task does one of 16 shards. A task that is requeued goes on where it was.
# To repeat some: sbatch --array=3,7 slurm.sh (the shard is the task's number, whatever the array is).
kukkiri upscale "$SCRATCH/photos" --recursive -o "$SCRATCH/large" --scale 2 \
  --shard "$SLURM_ARRAY_TASK_ID/16" --manifest "$SCRATCH/manifests" --resume --quiet
