"""What is held at AWS: wants and plans are data, one executor applies them, one module speaks boto3."""
