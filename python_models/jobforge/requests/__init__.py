"""What is asked: inputs, prompts, schemas, keys and the bytes that are sent."""
