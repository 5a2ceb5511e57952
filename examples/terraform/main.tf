# A Terraform configuration with a model and its endpoint, real-time with autoscaling or serverless.
#   terraform apply -var images_json=images.json -var model_data=s3://BUCKET/PREFIX/model.tar.gz -var bucket=BUCKET

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

variable "images_json" {
  description = "Path of the images.json that build.sh --push wrote"
  type        = string
}

variable "model_data" {
  description = "S3 URI of model.tar.gz"
  type        = string
}

variable "bucket" {
  description = "Bucket of the model"
  type        = string
}

variable "serverless" {
  description = "Whether the endpoint is serverless, which takes the image inference-cpu"
  type        = bool
  default     = false
}

variable "instance_type" {
  type    = string
  default = "ml.g5.xlarge"
}

variable "inference_ami_version" {
  description = "Driver of the instances; the default one of g4dn and g5 is too old. Null for CPU instances"
  type        = string
  default     = "al2-ami-sagemaker-inference-gpu-3-1"
}

variable "max_instances" {
  type    = number
  default = 4
}

data "aws_partition" "current" {}

locals {
  image = jsondecode(file(var.images_json)).images[var.serverless ? "inference-cpu" : "inference"].uri_by_digest
  arn   = "arn:${data.aws_partition.current.partition}"
}

resource "aws_iam_role" "endpoint" {
  name_prefix = "endpoint-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "sagemaker.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  })
}

resource "aws_iam_role_policy" "endpoint" {
  role = aws_iam_role.endpoint.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "${local.arn}:s3:::${var.bucket}/*" },
      { Effect = "Allow", Action = "s3:ListBucket", Resource = "${local.arn}:s3:::${var.bucket}" },
      {
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = "${local.arn}:ecr:*:*:repository/sagemaker-huggingface-inference*"
      },
      { Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${local.arn}:logs:*:*:log-group:/aws/sagemaker/*"
      },
    ]
  })
}

resource "aws_sagemaker_model" "classifier" {
  execution_role_arn = aws_iam_role.endpoint.arn
  # Serverless endpoints take no model with network isolation; the image needs no network.
  enable_network_isolation = !var.serverless

  primary_container {
    image          = local.image
    model_data_url = var.model_data
  }

  # SageMaker reads the image and the model by this role as soon as the model is created.
  depends_on = [aws_iam_role_policy.endpoint]
}

resource "aws_sagemaker_endpoint_configuration" "classifier" {
  production_variants {
    variant_name           = "all"
    model_name             = aws_sagemaker_model.classifier.name
    instance_type          = var.serverless ? null : var.instance_type
    initial_instance_count = var.serverless ? null : 1
    inference_ami_version  = var.serverless ? null : var.inference_ami_version

    dynamic "serverless_config" {
      for_each = var.serverless ? [1] : []
      content {
        memory_size_in_mb = 4096
        max_concurrency   = 8
      }
    }
  }

  # A change makes a new configuration, and the endpoint moves to it before the old one is deleted.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "classifier" {
  endpoint_config_name = aws_sagemaker_endpoint_configuration.classifier.name
}

resource "aws_appautoscaling_target" "classifier" {
  count              = var.serverless ? 0 : 1
  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.classifier.name}/variant/all"
  min_capacity       = 1
  max_capacity       = var.max_instances
}

resource "aws_appautoscaling_policy" "invocations" {
  count              = var.serverless ? 0 : 1
  name               = "invocations"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.classifier[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.classifier[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.classifier[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = 1000

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }
}

output "endpoint_name" {
  value = aws_sagemaker_endpoint.classifier.name
}
