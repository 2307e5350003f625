"""Previews of clips: key frames, waveform and subtitles for pages."""
