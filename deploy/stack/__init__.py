"""The services of docker-compose.yml as plain processes on loopback: for machines without Docker, and for the tests.

The state lies in a folder of its own under the temporary folder, and goes when the stack goes down.
"""
