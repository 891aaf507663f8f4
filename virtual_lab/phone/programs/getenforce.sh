#!/bin/sh
echo Enforcing
