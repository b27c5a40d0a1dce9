"""What a trained net says of pictures that it has never seen.

    python -m predict RUN PICTURES…      on the command line (`__main__`)
    predict(load_run(folder), pictures)  the same as flat records

places: which files are meant → readable: pictures as in the training → answers → writing.
"""

from predict.answers import Predicted, predict
from predict.places import Found, find_pictures

__all__ = ["Found", "Predicted", "find_pictures", "predict"]
