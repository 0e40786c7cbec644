"""What a run reads, as pipelines that the commands share."""
