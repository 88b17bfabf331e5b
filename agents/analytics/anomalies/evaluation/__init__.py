"""`asahi evaluate anomalies`: the detector over recorded streams."""
