"""A ClientApp that knows nothing of Skein."""

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from linear import task

app = ClientApp()


def model(msg: Message) -> task.Net:
    net = task.Net()
    net.load_state_dict(msg.content["arrays"].to_torch_state_dict())
    return net


@app.train()
def train(msg: Message, context: Context) -> Message:
    net = model(msg)
    epochs = context.run_config["local.epochs"]
    loss = task.train(net, context.node_config["partition-id"], epochs, msg.content["config"]["lr"])
    metrics = MetricRecord({"train_loss": loss, "num-examples": 40})
    return Message(RecordDict({"arrays": ArrayRecord(net.state_dict()), "metrics": metrics}), reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context) -> Message:
    loss = task.test(model(msg), context.node_config["partition-id"])
    return Message(RecordDict({"metrics": MetricRecord({"eval_loss": loss, "num-examples": 40})}), reply_to=msg)
