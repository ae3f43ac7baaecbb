"""What is an answer worth? Fitted to the twins of the backtest, in what SQL cannot."""
