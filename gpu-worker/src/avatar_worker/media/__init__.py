"""Images, recordings and videos, by Pillow and ffmpeg."""
