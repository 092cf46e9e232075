"""The services of docker-compose.yml as plain processes on loopback: for machines without Docker, and for the tests.

Its state is kept in a folder of its own under the temporary folder, and is deleted when the stack goes down.
"""
