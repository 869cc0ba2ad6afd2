#!/bin/bash
# GNU parallel on the machines of a file, one line each; a failed shard is repeated twice.
parallel --sshloginfile machines --jobs 1 --retries 3 --joblog upscale.log \
  kukkiri upscale /data/photos --recursive -o /data/large --scale 2 \
  --shard {}/16 --manifest /data/manifests --resume --quiet ::: {1..16}
