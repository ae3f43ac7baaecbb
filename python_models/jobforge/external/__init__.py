"""What other programs import: the imputation service and its models."""
