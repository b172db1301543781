"""The configs; in an installation this folder is the package lightning_imb.conf."""
