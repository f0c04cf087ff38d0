"""The supervisor behind `make up`: starts every process of this machine, keeps them running, leaves none behind."""
