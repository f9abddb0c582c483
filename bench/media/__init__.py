"""How soon a film can be watched, and what its ladder costs against one plain ffmpeg process."""
