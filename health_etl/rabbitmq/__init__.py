"""RabbitMQ: upload messages, and telling S3 servers to send them."""
