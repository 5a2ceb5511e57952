"""How good the model is: predictions, calibration, decision threshold, final metrics."""
