"""Key frame pictures, waveforms, spectrograms and subtitles of clips, for the pages that show
them.
"""
