"""RabbitMQ: the broker, and S3 bucket notifications sent to it. Messages are parsed in planning/upload_messages.py."""
