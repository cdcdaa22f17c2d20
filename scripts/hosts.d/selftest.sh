# shellcheck shell=bash
# x
