"""Regions, boxes, region images, and the record formats of traces."""
